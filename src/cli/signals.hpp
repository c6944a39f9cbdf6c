#pragma once

namespace runner::cli {

// TERM: save and exit 75. USR1 (Slurm's warning): the same, after this array task was requeued.
// First INT: save and exit 130; the second leaves at once. Handlers only set a flag.
void install_signal_handlers();

// They end the process again, as they did before.
void remove_signal_handlers();

// True from the first of these signals on.
bool stop_requested();

// After a stop: requeues this Slurm task when the signal was USR1, and returns the exit code.
int exit_code_after_stop();

}  // namespace runner::cli
