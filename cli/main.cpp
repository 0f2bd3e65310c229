#include "program.h"

int main(int argc, char** argv) { return halfwave::run_program({argv, argv + argc}); }
