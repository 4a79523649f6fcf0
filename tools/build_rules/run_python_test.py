# Copyright 2026 The Ferry Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a script as __main__, once the modules that it requires are there.

    python3 run_python_test.py [--requires=MODULE]... SCRIPT [ARGUMENT]...
"""

import importlib
import os
import runpy
import sys

_DEBIAN_PACKAGES = {'torch': 'python3-torch', 'numpy': 'python3-numpy'}


def main():
    arguments = sys.argv[1:]
    while arguments and arguments[0].startswith('--requires='):
        module = arguments.pop(0)[len('--requires='):]
        try:
            importlib.import_module(module)
        except ImportError as error:
            sys.exit('%s cannot import %s: %s\nInstall it: apt-get install %s' %
                     (sys.executable, module, error,
                      _DEBIAN_PACKAGES.get(module, module)))
    # PyTorch 2.6 and later otherwise refuse the classes of a test's own files.
    os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'] = '1'
    script = arguments[0]
    sys.argv = arguments
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    sys.dont_write_bytecode = True
    runpy.run_path(script, run_name='__main__')


if __name__ == '__main__':
    main()
