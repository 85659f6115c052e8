"""What Zephyr's build does with modules: reads each module.yml, evaluates all Kconfig files for a prj.conf, hands folders and CONFIG_ to CMake.

modules.py PRJ_CONF BINARY_FOLDER MODULE...
"""

import os
import sys
from pathlib import Path

import kconfiglib
import yaml

configuration, binary, *modules = map(Path, sys.argv[1:])
folders, kconfigs = [], ['mainmenu "stub"\nconfig PRINTK\n\tbool "print"\n']
for module in modules:
    build = yaml.safe_load((module / "zephyr" / "module.yml").read_text())["build"]
    folder, kconfig = (module / build["cmake"]).resolve(), (module / build["kconfig"]).resolve()
    if not (folder / "CMakeLists.txt").is_file():
        sys.exit(f"{folder} has no CMakeLists.txt")
    folders.append(folder.as_posix())
    kconfigs.append(f'source "{kconfig.as_posix()}"\n')
binary.mkdir(parents=True, exist_ok=True)
(binary / "Kconfig").write_text("".join(kconfigs))
os.environ["CONFIG_"] = "CONFIG_"
found = kconfiglib.Kconfig(str(binary / "Kconfig"), warn_to_stderr=False)
found.load_config(str(configuration))
if found.warnings:
    sys.exit("\n".join(found.warnings))
lines = [f'set(STUB_MODULE_FOLDERS "{";".join(folders)}")']
lines += [f"set(CONFIG_{symbol.name} {symbol.str_value})" for symbol in found.unique_defined_syms if symbol.str_value == "y"]
(binary / "stub.cmake").write_text("\n".join(lines) + "\n")
