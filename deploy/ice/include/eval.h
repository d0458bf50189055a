// Python 3.11 has no such file any more; what it declared is in Python.h.
#pragma once
#include <Python.h>
