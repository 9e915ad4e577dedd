#!/bin/sh
# Keeps the token under a key of a secret in HashiCorp Vault (or OpenBao, with its `bao` as VAULT_CLI):
#
#     gitpodctl scim rotate --to 'command:/etc/gitpodctl/vault.sh MOUNT PATH KEY'
#
# Needs the vault CLI, VAULT_ADDR and a login, and of MOUNT/data/PATH, in a KV engine of version 2, the
# capabilities read and patch (or read and update). The secret has to exist; its other keys stay.
set -eu
mount=${1:?expected MOUNT PATH KEY} path=${2:?expected MOUNT PATH KEY} key=${3:?expected MOUNT PATH KEY}
vault=${VAULT_CLI:-vault}

case ${GITPOD_ROTATION_PHASE:?is set by gitpodctl} in
preflight)
    "$vault" kv get -mount="$mount" "$path" > /dev/null
    may=$("$vault" token capabilities "$mount/data/$path")
    case ", $may," in
    *', patch,'* | *', update,'* | *', root,'*) ;;
    *) echo "of $mount/data/$path this login has: $may; expected patch or update" >&2; exit 1 ;;
    esac
    ;;
push)
    "$vault" kv patch -mount="$mount" "$path" "$key=-"
    ;;
verify)
    token=$(cat)
    [ -n "$token" ] || exit 64
    held=$("$vault" kv get -mount="$mount" -field="$key" "$path") || exit 64
    [ "$held" = "$token" ]
    ;;
esac
