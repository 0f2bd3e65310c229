#include <halfwave/version.h>

#include <cstdio>

int main() { std::puts(halfwave::version()); }
