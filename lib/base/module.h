/* Modules: parts of the library in shared objects beside the programs, loaded when first needed.
 *
 * They contain what needs many shared libraries that few processes use. Measured (PSS of an idle process, Debian
 * 12): libvips 20 MB, of which 3.5 MB are its own; libcurl 6 MB, of which 1.3 MB. A module is linked with its own
 * copy of the functions of lib/base it calls, so it shares no static state with the program (it can't log, for one). */
#ifndef BASE_MODULE_H
#define BASE_MODULE_H

#include "base/err.h"

/* The address of `symbol` in the module `name`, which is searched as imagelabel-NAME.so in the folders ../lib,
 * ../../lib and . from the program's own file. Loaded once and never unloaded; thread-safe. NULL with ERR_INTERNAL,
 * which names what is missing. */
const void *module_symbol(const char *name, const char *symbol, struct err *err);

/* For a process that is started later, when an upgrade may have replaced them: descriptors (closed by exec) of the
 * module's file, and of the program `name`, in the folders ., ../bin and ../../bin from the program's own file. -1 with
 * ERR_INTERNAL when it is missing, ERR_UNAVAILABLE when it cannot be opened now. */
int module_open(const char *name, struct err *err);
int module_open_program(const char *name, struct err *err);

/* module_symbol in a module's file that is open. */
const void *module_symbol_in(int file, const char *name, const char *symbol, struct err *err);

/* Marks what a module exports; everything else in it is hidden. */
#define MODULE_EXPORT __attribute__((visibility("default")))

#endif
