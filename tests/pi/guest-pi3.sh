# Runs as the first process of an emulated Raspberry Pi 3. Each line that begins with a word in capitals is for the host: LEVEL says
# what the pin must show from outside now, KILLED that the app was killed with the line high, STATUS how a command ended.
T=/bin/tasklab
PIN=GPIO17

# Starts a driver in the background and waits until it has told its first edge.
drive() {
    rm -f /tmp/edges
    $T gpio "$@" --json >/tmp/edges 2>/tmp/errors &
    driver=$!
    tries=0
    while [ ! -s /tmp/edges ] && [ $tries -lt 100 ] && kill -0 $driver 2>/dev/null; do
        sleep 0.1
        tries=$((tries + 1))
    done
    cat /tmp/errors
}

$T doctor | grep -i -E 'gpio|board|model'
for board in rppal chardev; do
    echo "BOARD $board"
    $T gpio list --board $board | head -1
    $T gpio get --board $board $PIN
    echo "STATUS get $board $?"

    drive set --board $board $PIN=1
    echo "LEVEL high set by $board"
    sleep 2
    kill -TERM $driver
    wait $driver
    echo "STATUS set $board $?"
    echo "LEVEL low given back by $board"
    sleep 2

    drive toggle --board $board $PIN
    echo "LEVEL high toggled by $board"
    sleep 2
    kill -TERM $driver
    wait $driver

    $T gpio blink --board $board --every 0.05 --count 6 --json $PIN >/tmp/blink
    echo "STATUS blink $board $?"
    echo "COUNT blink $board $(grep -c '"kind":"gpio"' /tmp/blink)"

    for round in 1 2 3 4 5; do
        drive set --board $board $PIN=1
        echo "LEVEL high before kill $round by $board"
        sleep 1
        kill -KILL $driver
        echo "KILLED $board $round"
        sleep 2
    done
done
$T gpio set GPIO1=1 --for 1
echo "STATUS eeprom $?"
echo "END"
