# What meshbench needs of a host of the user's own, as sections that begin with a line "@ name".
# $1: its packages' programs, separated by spaces. Reads only.
echo '@ user'; id -u
echo '@ systemd'; [ -d /run/systemd/system ] && echo running
echo '@ lacking'; for program in $1; do command -v "$program" >/dev/null || echo "$program"; done
echo '@ interfaces'; ip -j address
echo '@ end'
