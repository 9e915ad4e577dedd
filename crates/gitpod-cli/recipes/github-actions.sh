#!/bin/sh
# Keeps the token as a secret of a repository's GitHub Actions:
#
#     gitpodctl scim rotate --to 'command:/etc/gitpodctl/github-actions.sh OWNER/REPOSITORY NAME'
#
# Needs the GitHub CLI, signed in or with GH_TOKEN, which may write this repository's secrets. GitHub gives
# no secret back, so whether the right one is there can't be told.
set -eu
repository=${1:?expected OWNER/REPOSITORY NAME} name=${2:?expected OWNER/REPOSITORY NAME}

case ${GITPOD_ROTATION_PHASE:?is set by gitpodctl} in
preflight)
    # What proves the right to write is writing: a secret of another name, which goes again.
    printf 'not a token' | gh secret set "${name}_PREFLIGHT" --repo "$repository"
    gh secret delete "${name}_PREFLIGHT" --repo "$repository"
    ;;
push)
    gh secret set "$name" --repo "$repository"
    ;;
verify)
    exit 64
    ;;
esac
