# Runs as the first process of an emulated Raspberry Pi 3. Each line that begins with a word in capitals is for the host: LEVEL says
# what the pin must show from outside now, KILLED that the app was killed with the line high; after both it waits for a line from the
# host, which has looked. STATUS tells how a command ended. RECORDS tells, of one setting of kernel.perf_event_paranoid, how many sums a
# run of an ordinary user has told from switch records and from schedstat, and what doctor says. DEADLOCK tells what such a run finds in
# a program that knows nothing of us, by the setting of kernel.yama.ptrace_scope.
. /wait
T=/bin/tasklab
PIN=GPIO17

# Starts a driver in the background and waits until it has told its first edge.
drive() {
    rm -f /tmp/edges
    $T gpio "$@" --json >/tmp/edges 2>/tmp/errors &
    ours=$!
    until_it [ -s /tmp/edges ]
    cat /tmp/errors
}

mkdir -p /etc
echo "user:x:1000:1000::/tmp:/bin/sh" >/etc/passwd
chmod 1777 /tmp
ordinary() { start-stop-daemon -S -c 1000:1000 -x $T -- "$@"; }
setting=/proc/sys/kernel/perf_event_paranoid
before=$(cat $setting)
for paranoid in 2 3; do
    echo $paranoid >$setting
    ordinary exec --json -- sh -c 'timeout 2 sh -c "while :; do :; done"; exit 0' >/tmp/lines </dev/null
    echo "STATUS exec at paranoid $paranoid $?"
    exact=$(grep -c '"kind":"task.cpu".*"exact":true' /tmp/lines)
    shares=$(grep -c '"kind":"task.cpu".*"exact":false' /tmp/lines)
    echo "RECORDS $paranoid $exact $shares $(ordinary doctor </dev/null | grep scheduler)"
done
echo $before >$setting

yama=/proc/sys/kernel/yama/ptrace_scope
[ -e $yama ] && scopes="0 1" || scopes=none
for scope in $scopes; do
    [ $scope = none ] || echo $scope >$yama
    ordinary exec --json --timeout 10 -- /bin/cross >/tmp/lines </dev/null
    echo "DEADLOCK $scope $(grep '"kind":"finding"' /tmp/lines | head -1)"
done

$T doctor | grep -i -E 'gpio|board|model'
for board in rppal chardev; do
    echo "BOARD $board"
    echo "LIST $($T gpio list --board $board | head -1)"
    $T gpio get --board $board $PIN
    echo "STATUS get $board $?"

    drive set --board $board $PIN=1
    echo "LEVEL high set by $board"
    read -r seen
    kill -TERM $ours
    wait $ours
    echo "STATUS set $board $?"
    echo "LEVEL low given back by $board"
    read -r seen

    drive toggle --board $board $PIN
    echo "LEVEL high toggled by $board"
    read -r seen
    kill -TERM $ours
    wait $ours

    $T gpio blink --board $board --every 0.05 --count 6 --json $PIN >/tmp/blink
    echo "STATUS blink $board $?"
    echo "COUNT blink $board $(grep -c '"kind":"gpio"' /tmp/blink)"

    for round in 1 2 3 4 5; do
        drive set --board $board $PIN=1
        echo "LEVEL high before kill $round by $board"
        read -r seen
        kill -KILL $ours
        echo "KILLED $board $round"
        read -r seen
    done
done
$T gpio set GPIO1=1 --for 1
echo "STATUS eeprom $?"
echo "END"
