#!/usr/bin/env bash
# Runs the bot as a step of a workflow: `exec "$RUNNER_TEMP/whybot/bin/run-bot" COMMAND...`, in the place of the step's
# own shell. Nothing it prints is a workflow command; being stopped reaches it, so that it can say what there is so far;
# and the answer "no" (exit code 1: tests rejected, say) is no failed job.
set -uo pipefail
# Without job control, a process in the background is deaf to SIGINT, which is how GitHub stops a step.
set -m

quiet="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
echo "::stop-commands::$quiet"
"$RUNNER_TEMP/whybot/bin/bot" "$@" </dev/null &
bot=$!
trap 'kill -INT "$bot" 2>/dev/null' INT TERM
wait "$bot"
code=$?
# A signal ends `wait`, not the bot.
while kill -0 "$bot" 2>/dev/null; do
  wait "$bot"
  code=$?
done
echo
echo "::$quiet::"
if [ "$code" -eq 1 ]; then
  echo "::notice::The answer is no; the summary says why."
  exit 0
fi
exit "$code"
