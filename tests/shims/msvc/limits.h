#pragma once
#define CHAR_BIT 8
#define INT_MAX 2147483647
#define UINT_MAX 0xffffffffu
#define LONG_MAX 2147483647L
#define ULONG_MAX 0xffffffffUL
#define LLONG_MAX 9223372036854775807LL
#define INT_MIN (-INT_MAX - 1)
