#pragma once
#define _Must_inspect_result_
