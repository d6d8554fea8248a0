/* broker/openapi.json, built into the program (openapi_embed.py writes it as C). Constant; any thread. */
#ifndef CARREL_BROKER_OPENAPI_DOCUMENT_H
#define CARREL_BROKER_OPENAPI_DOCUMENT_H

extern const char openapi_document[];

#endif
