/* Holds the version that the build sets. */
#include "base/version.h"

const char version_text[] = VERSION;

bool version_asked(int argc, char *const *argv)
{
	return argc == 2 && strcmp(argv[1], "--version") == 0;
}
