#include "program.h"

int main(int argc, char** argv) { return halfwave::cli::run_program({argv, argv + argc}); }
