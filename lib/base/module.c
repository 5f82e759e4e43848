/* Finds and loads the shared objects of base/module.h. */
#include "base/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <unistd.h>

/* Seen from a program in bin/, from a test in tests/unit/, and from a program installed beside its modules. */
static const char *const folders[] = {"../lib", "../../lib", "."};

static int program_folder(char out[PATH_MAX], struct err *err)
{
	ssize_t len = readlink("/proc/self/exe", out, PATH_MAX - 1);
	if (len < 0)
		return err_errno(err, ERR_INTERNAL, "can't tell where this program lies");
	out[len] = '\0';
	char *slash = strrchr(out, '/');
	if (!slash)
		return err_set(err, ERR_INTERNAL, "can't tell where this program lies: %s", out);
	*slash = '\0';
	return 0;
}

static void *module_load(const char *name, struct err *err)
{
	char folder[PATH_MAX], path[PATH_MAX + 300];
	if (program_folder(folder, err) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s/imagelabel-%s.so", folder, folders[i], name);
		if (access(path, F_OK) != 0)
			continue;
		void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
		if (!handle)
			err_set(err, ERR_INTERNAL, "can't load the module '%s': %s", name, dlerror());
		return handle;
	}
	err_set(err, ERR_INTERNAL, "the module imagelabel-%s.so is missing beside %s", name, folder);
	return NULL;
}

int module_program(const char *name, char out[MODULE_PATH_MAX], struct err *err)
{
	static const char *const beside[] = {".", "../bin", "../../bin"};
	char folder[PATH_MAX];

	if (program_folder(folder, err))
		return -1;
	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		int len = snprintf(out, MODULE_PATH_MAX, "%s/%s/%s", folder, beside[i], name);

		if (len < MODULE_PATH_MAX && access(out, X_OK) == 0)
			return 0;
	}
	return err_set(err, ERR_INTERNAL, "the program %s is missing beside %s", name, folder);
}

const void *module_symbol(const char *name, const char *symbol, struct err *err)
{
	void *handle = module_load(name, err); /* each time the same handle, counted by the loader */
	if (!handle)
		return NULL;
	const void *address = dlsym(handle, symbol);
	if (!address)
		err_set(err, ERR_INTERNAL, "the module '%s' lacks %s: it is of another version", name,
		        symbol);
	return address;
}
