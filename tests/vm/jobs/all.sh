# Everything that needs a kernel with netem and WireGuard; one campaign by each engine, and the figure that tells them apart.
# What tests linkem alone runs on any machine, and its delays are not an emulated CPU's to keep.
set -uo pipefail
make setup || exit
uname -srv; tc -V
status=0
tests() {
    local report=$1
    shift
    .venv/bin/pytest -v -s -rs --tb=short --junitxml="$OUT/$report.xml" "$@" || status=$?
}
for engine in netem linkem; do
    sed "s/ENGINE/$engine/" tests/vm/jobs/campaign.yaml > "config/vm-$engine.yaml"
    .venv/bin/snakemake --cores 1 checks "results/vm-$engine/calibration/samples.parquet" \
        "figures/vm-$engine/impairment.svg" --configfile "config/vm-$engine.yaml" || status=$?
    cp -r "results/vm-$engine" "figures/vm-$engine" "$OUT"
done
.venv/bin/python -m tests.vm.engines vm-netem vm-linkem > "$OUT/engines.md" || status=$?
cat "$OUT/engines.md"
tests impairment tests/lab/test_impairment.py -k 'not linkem'
tests conformance tests/lab/test_conformance.py -k wireguard
tests hosts tests/lab/test_hosts.py tests/lab/test_own_hosts.py
tests host_netem tests/lab/test_host_netem.py
tests wireguard tests/lab/test_wireguard_kernel.py
exit $status
