/* `admin draw`: draws the demo's pictures. */
#ifndef ADMIN_DRAW_H
#define ADMIN_DRAW_H

/* argv[0] is the word `draw`, argv[1] an existing folder, which gets picture-01.png to picture-40.png: circles,
 * squares, triangles, stars and hearts, always the same. An existing file is left alone. Returns the exit status. */
int admin_draw(int argc, char **argv);

#endif
