"""The whole compile, the folder it writes, and the budgets it keeps."""
