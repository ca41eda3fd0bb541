"""Floor 6: one file per command. Parse, call, print.

The libraries that start threads when they are loaded are given their number here, before a command imports them;
`--threads` changes it later.
"""

from vq_benchmark.machine.threads import allowed_threads, set_thread_variables

set_thread_variables(allowed_threads())
