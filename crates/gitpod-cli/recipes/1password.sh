#!/bin/sh
# Keeps the token as a document in 1Password:
#
#     gitpodctl scim rotate --to 'command:/etc/gitpodctl/1password.sh VAULT DOCUMENT'
#
# Needs the 1Password CLI, signed in or with OP_SERVICE_ACCOUNT_TOKEN, and the right to read and to write
# items of this vault. It is a document because of an item's fields `op` takes as arguments, which are
# visible to the whole machine. The document has to exist:
#
#     printf none | op document create - --vault VAULT --title DOCUMENT --file-name scim-token
set -eu
vault=${1:?expected VAULT DOCUMENT} document=${2:?expected VAULT DOCUMENT}

case ${GITPOD_ROTATION_PHASE:?is set by gitpodctl} in
preflight)
    # What proves the right to write is writing: what is there, once more.
    held=$(op document get "$document" --vault "$vault")
    [ -n "$held" ] || { echo "the document $document is empty" >&2; exit 1; }
    printf %s "$held" | op document edit "$document" - --vault "$vault"
    ;;
push)
    op document edit "$document" - --vault "$vault"
    ;;
verify)
    token=$(cat)
    [ -n "$token" ] || exit 64
    held=$(op document get "$document" --vault "$vault") || exit 64
    [ "$held" = "$token" ]
    ;;
esac
