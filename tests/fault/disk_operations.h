/* What the kernel asks the disk for (FUSE), and what of that fails. */
#ifndef FAULT_DISK_OPERATIONS_H
#define FAULT_DISK_OPERATIONS_H

#include <stdbool.h>

/* Mounts the disk on the folder, and unmounts it there. False: it cannot be mounted. */
bool operations_mount(char *program, const char *folder);
void operations_unmount(const char *folder);
/* Is readable when the kernel asks for something; -1: the disk is not mounted. */
int operations_fd(void);
/* Answers what the kernel asks for. */
void operations_answer(void);

/* Without power every operation fails. */
void operations_power(bool on);
/* Some of "open,read,write,sync,name" fail from now on, each with the probability `chance`, or "none" does. name: only
 * on files and folders of this name; "": on all. False: there is no such operation. */
bool operations_fail(char *which, int why, double chance, const char *name);
/* How many have failed since the last call. */
unsigned long operations_failed(void);

#endif
