#!/bin/sh
# Compiler launcher of nvcc: runs COMMAND ... -o OBJECT and keeps what ptxas reports on each kernel (-Xptxas=-v) in
# OBJECT.ptxas, out of the build's output. Warnings and errors are shown as they are.
previous=
for argument in "$@"; do
  [ "$previous" = -o ] && object=$argument
  previous=$argument
done
[ -n "$object" ] || exec "$@"
"$@" 2>"$object.ptxas"
status=$?
grep -vE '^ptxas info|^ +[0-9]+ bytes stack frame' "$object.ptxas" >&2
exit $status
