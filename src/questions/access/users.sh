# Every account, its home's mode, and what its password is worth; the hash stays here. Root alone may know that.
date '+now %s'
sed 's/^/passwd /' /etc/passwd
sed 's/^/group /' /etc/group
while IFS=: read -r name _ _ _ _ home _ || [ -n "$name" ]; do
    [ -d "$home" ] && stat -L -c "home $name %a %u" "$home"
done </etc/passwd 2>/dev/null
[ -r /etc/shadow ] || exit 0
echo 'shadow yes'
while IFS=: read -r name hash changed _ max _ _ expires _ || [ -n "$name" ]; do
    case $hash in
        '') state=empty ;;
        '!'* | '*'*) state=locked ;;
        *) state=set ;;
    esac
    case $hash in
        '$y$'* | '$gy$'*) scheme=yescrypt ;;
        '$7$'*) scheme=scrypt ;;
        '$6$'*) scheme=sha512 ;;
        '$5$'*) scheme=sha256 ;;
        '$2'*) scheme=bcrypt ;;
        '$1$'*) scheme=md5 ;;
        '' | '!'* | '*'*) scheme=- ;;
        '$'*) scheme=other ;;
        *) scheme=des ;;
    esac
    echo "password $name $state $scheme ${changed:--} ${max:--} ${expires:--}"
done </etc/shadow
