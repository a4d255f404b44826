#!/usr/bin/env bash
# The commit of whybot that this file belongs to becomes $RUNNER_TEMP/whybot, with what it needs as the lock names it.
set -euo pipefail
if [ "${SANDBOX:-}" = true ] && [ "${RUNNER_ENVIRONMENT:-}" != github-hosted ] && [ "${EPHEMERAL:-}" != true ]; then
  echo "::error::Generated code is to run here, and this runner is not GitHub's. Take only a runner that is made for" \
    "one job, and say so with \`ephemeral_runner: true\`."
  exit 1
fi
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$here/../../.."
bin="$RUNNER_TEMP/whybot/bin"

python3 -m venv "$RUNNER_TEMP/whybot"
install=("$bin/pip" install --quiet --disable-pip-version-check)
"${install[@]}" --require-hashes --only-binary :all: --requirement "$root/requirements-run.lock"
"${install[@]}" --no-deps --no-build-isolation --no-index "$root"
cp "$here/run-bot.sh" "$bin/run-bot"
chmod +x "$bin/run-bot"

works() {
  bwrap --unshare-all --ro-bind / / true 2>/dev/null
}
if [ "${SANDBOX:-}" = true ] && ! works; then
  if ! command -v bwrap >/dev/null; then
    sudo apt-get update -qq
    sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends bubblewrap
  fi
  # Ubuntu 24.04 forbids unprivileged user namespaces, which bubblewrap is made of. The machine lives for one job.
  works || sudo sysctl --quiet --write kernel.apparmor_restrict_unprivileged_userns=0
  works || { echo "::error::bubblewrap does not work on this runner, and nothing is run without it."; exit 1; }
fi
