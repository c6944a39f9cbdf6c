#pragma once

namespace runner::cli {

// TERM and HUP: save and exit 75. USR1 (Slurm's warning): the same, and this array task is requeued
// at once, not only after what the program is at. First INT: save and exit 130; the second leaves
// at once. Handlers only set a flag. To be called before anything that takes long.
void install_signal_handlers();

// They end the process again, as they did before.
void remove_signal_handlers();

// True from the first of these signals on.
bool stop_requested();

// After a stop: the exit code. Says when this Slurm task was to be requeued and could not be.
int exit_code_after_stop();

}  // namespace runner::cli
