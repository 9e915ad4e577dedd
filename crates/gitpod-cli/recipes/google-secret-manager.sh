#!/bin/sh
# Keeps the token as the newest version of a secret in Google Secret Manager:
#
#     gitpodctl scim rotate --to 'command:/etc/gitpodctl/google-secret-manager.sh PROJECT SECRET'
#
# Needs gcloud and its login, curl, and of this secret the permissions secretmanager.versions.add and
# secretmanager.versions.access. The secret has to exist. Versions from before stay, with dead tokens.
set -eu
project=${1:?expected PROJECT SECRET} secret=${2:?expected PROJECT SECRET}
api=${CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER:-https://secretmanager.googleapis.com/}

case ${GITPOD_ROTATION_PHASE:?is set by gitpodctl} in
preflight)
    access=$(gcloud auth print-access-token)
    # The access token goes by standard input: arguments are visible to the whole machine.
    may=$(printf 'header = "Authorization: Bearer %s"\n' "$access" \
        | curl --silent --show-error --fail --config - --header 'Content-Type: application/json' \
            --data '{"permissions": ["secretmanager.versions.add"]}' \
            "${api}v1/projects/$project/secrets/$secret:testIamPermissions")
    case $may in
    *secretmanager.versions.add*) ;;
    *) echo "secretmanager.versions.add is missing, or there is no secret $secret" >&2; exit 1 ;;
    esac
    ;;
push)
    gcloud secrets versions add "$secret" --project="$project" --data-file=-
    ;;
verify)
    token=$(cat)
    [ -n "$token" ] || exit 64
    held=$(gcloud secrets versions access latest --secret="$secret" --project="$project") || exit 64
    [ "$held" = "$token" ]
    ;;
esac
