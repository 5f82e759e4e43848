/* What a decoder answers. */
#ifndef DECODE_ANSWER_H
#define DECODE_ANSWER_H

#include "image/decoder.h"
#include "image/module.h"

/* Loads the module and whatever its libraries load later, which cannot be had any more once the process is confined. */
int answer_prepare(const struct image_module **out, struct err *err);

/* The image is DECODER_IMAGE; a thumbnail goes to DECODER_OUT. */
void answer_question(const struct image_module *module, const struct decoder_question *question,
                     struct decoder_answer *answer);

#endif
