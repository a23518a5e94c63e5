# Asks every target at once, and again should ping end (no route when it starts). What each one says goes
# to a file of its own, errors too: FOLDER INTERVAL NAME=ADDRESS…
folder=$1 interval=$2
shift 2
mkdir -p -- "$folder"
for target; do
    while :; do
        ping -n -D -O -i "$interval" "${target#*=}"
        printf '[%s] nothing sent: ping ended with %s\n' "$(date +%s.%N)" "$?"
        sleep "$interval"
    done >>"$folder/${target%%=*}.log" 2>&1 </dev/null &
done
wait
