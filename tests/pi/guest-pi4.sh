# Runs as the first process of an emulated Raspberry Pi 4. LIST is for the host, with the resistor that GPIO17 must have now and the
# whole header: the host compares it with the registers, and then sends a line. LEVEL and STATUS are as in guest-pi3.sh.
. /wait
T=/bin/tasklab
PIN=GPIO17

list() {
    for board in rppal chardev; do
        echo "LIST $1 $board $($T gpio list --board $board --json)"
        read -r seen
    done
}

$T gpio list --board rppal
list reset
# Only the kernel's driver can set a resistor; it stays when nobody holds the line any more, and then nobody but the register knows it.
for pull in up down off; do
    $T gpio watch --board chardev --pull $pull --for 0.1 $PIN
    echo "STATUS watch $pull $?"
    list $pull
done

$T gpio set --board rppal --json $PIN=1 >/tmp/edges &
ours=$!
until_it [ -s /tmp/edges ]
echo "LEVEL high set by rppal"
read -r seen
kill -TERM $ours
wait $ours
echo "STATUS set rppal $?"
echo "LEVEL low given back by rppal"
read -r seen
echo "END"
