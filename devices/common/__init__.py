"""What every part of the product uses: tables and progress on the terminal, files written whole, the folder of things that can be made again."""
