# What is to be done comes on the second disk.
mkdir -p /root/vm
tar -xf /dev/vdb -C /root/vm
exec bash /root/vm/start.sh
