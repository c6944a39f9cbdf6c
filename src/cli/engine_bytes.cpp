// The engine's bytes, between two symbols that cli/engine.cpp knows.
__asm__(
    ".section .rodata\n"
    ".balign 64\n"
    ".global runner_engine_begin\n"
    "runner_engine_begin:\n"
    ".incbin \"" RUNNER_ENGINE
    "\"\n"
    ".global runner_engine_end\n"
    "runner_engine_end:\n"
    ".previous\n");
