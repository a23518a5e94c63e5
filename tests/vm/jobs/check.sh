# One host's netem, and one handshake of the kernel's WireGuard.
set -euo pipefail
make setup
uname -sr; tc -V
.venv/bin/pytest -v -rs --reruns 0 'tests/lab/test_impairment.py::test_apply_read_clear[netem-ingress]' \
    tests/lab/test_wireguard_kernel.py
