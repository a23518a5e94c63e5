# Everything that needs a kernel with netem and WireGuard; one campaign by each engine.
set -uo pipefail
make setup || exit
uname -srv; tc -V
status=0
.venv/bin/pytest -rs --reruns 0 --junitxml="$OUT/tests.xml" tests/lab/test_wireguard_kernel.py \
    tests/lab/test_impairment.py tests/lab/test_host_netem.py tests/lab/test_hosts.py \
    tests/lab/test_own_hosts.py || status=$?
.venv/bin/pytest -rs --reruns 0 --junitxml="$OUT/wireguard.xml" tests/lab/test_conformance.py \
    -k wireguard || status=$?
for engine in netem linkem; do
    sed "s/ENGINE/$engine/" tests/vm/jobs/campaign.yaml > "config/vm-$engine.yaml"
    .venv/bin/snakemake --cores 1 figures/all --configfile "config/vm-$engine.yaml" || status=$?
    cp -r "results/vm-$engine" "figures/vm-$engine" "$OUT"
done
.venv/bin/python -m tests.vm.engines vm-netem vm-linkem | tee "$OUT/engines.md" || status=$?
exit $status
