/* Removes the images of removed samples, wherever they lie, and the thumbnails that this machine keeps. Thread-safe. */
#ifndef FASTCGI_REMOVAL_H
#define FASTCGI_REMOVAL_H

#include "dataset/removal.h"
#include "fastcgi/images.h"

/* Whether the sample's image can be removed; ERR_CONFLICT says what to do about it. */
int removal_check(const struct images *images, const struct sample *sample, struct err *err);

/* Removes what belongs to a tombstone that is due: the thumbnails, then the image; then it is due no more. What a crash
 * or a store that is down interrupts is done at the next start or reload, or when the removal is asked for again. */
int removal_finish(const struct images *images, const struct tombstone *tombstone, const char *state_dir,
                   struct err *err);

/* Removes what another machine may have removed already, here: the thumbnails, and the file in base_dir, of which this
 * machine may have a copy. */
int removal_follow(const struct images *images, const struct tombstone *tombstone, const char *state_dir,
                   struct err *err);

/* Finishes the removals in images->dataset that are due, and removes the thumbnails of every other one. */
int removal_sweep(const struct images *images, const char *state_dir, struct err *err);

#endif
