#!/bin/sh
# Keeps the token as the value of a secret in AWS Secrets Manager:
#
#     gitpodctl scim rotate --to 'command:/etc/gitpodctl/aws-secrets-manager.sh SECRET_ID'
#
# Needs the AWS CLI and its settings (a region, a role), and of this secret the rights
# secretsmanager:PutSecretValue and secretsmanager:GetSecretValue. The secret has to exist.
set -eu
secret=${1:?expected the id or ARN of a secret}

case ${GITPOD_ROTATION_PHASE:?is set by gitpodctl} in
preflight)
    # What proves the right to write is writing: a version that nobody reads, as it isn't AWSCURRENT.
    aws secretsmanager put-secret-value --secret-id "$secret" \
        --version-stages GITPODCTL_PREFLIGHT --secret-string 'not a token'
    ;;
push)
    aws secretsmanager put-secret-value --secret-id "$secret" --secret-string file:///dev/stdin
    ;;
verify)
    token=$(cat)
    [ -n "$token" ] || exit 64
    held=$(aws secretsmanager get-secret-value --secret-id "$secret" \
        --query SecretString --output text) || exit 64
    [ "$held" = "$token" ]
    ;;
esac
