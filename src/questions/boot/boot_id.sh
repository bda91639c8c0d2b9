# The kernel's name for this boot: another one after every boot.
read -r id </proc/sys/kernel/random/boot_id && echo "$id"
