// The table of one instruction set's kernels. The build localizes every other symbol of the set, so that no function
// compiled for a wider machine is ever shared with a narrower one.

#include "kernel.h"

#define UNIEM_JOIN(a, b) a##b
#define UNIEM_NAME(isa) UNIEM_JOIN(uniem_kernels_, isa)

struct KernelRow {
  const char* name;
  void (*run)(uniem::Arguments&);
};

extern "C" const KernelRow* UNIEM_NAME(UNIEM_ISA)() {
  static constexpr KernelRow kRows[] = {
#define UNIEM_ROW(name) {#name, uniem::UNIEM_ISA::name},
      UNIEM_KERNELS(UNIEM_ROW)
#undef UNIEM_ROW
          {nullptr, nullptr},
  };
  return kRows;
}
