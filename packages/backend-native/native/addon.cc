// The Node-API module: exports every kernel of the table, for the best instruction set of this machine, and the memory
// the tensors live in. Exceptions become JavaScript errors here and nowhere else.

#include <cstdint>
#include <cstdlib>
#include <new>
#include <string_view>
#include <utility>

#include "memory.h"

#define UNIEM_ISA baseline
#include "kernel.h"
#undef UNIEM_ISA

// The tables of kernels.cc, one an instruction set; their symbols are all that each set's objects share with this file.
using Kernel = void (*)(uniem::Arguments&);
struct KernelRow {
  const char* name;
  Kernel run;
};
extern "C" const KernelRow* uniem_kernels_avx2();
extern "C" const KernelRow* uniem_kernels_avx512();

namespace {

constexpr double kMostBytes = 1ull << 47;  // what a process can address

// oneDNN's own variable for less than the processor has, so that one limit holds for all.
bool limited_to_avx2() {
  const char* limit = std::getenv("ONEDNN_MAX_CPU_ISA");
  return limit && std::string_view(limit).starts_with("AVX2");
}

bool has_avx512() {
  return !limited_to_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

napi_value call_kernel(napi_env env, napi_callback_info info) {
  void* data = nullptr;
  napi_get_cb_info(env, info, nullptr, nullptr, nullptr, &data);
  const KernelRow* row = static_cast<const KernelRow*>(data);
  try {
    uniem::Arguments arguments(env, info, row->name);
    row->run(arguments);
  } catch (const std::range_error& error) {
    napi_throw_range_error(env, nullptr, error.what());
  } catch (const std::bad_alloc&) {
    napi_throw_error(env, "ERR_OUT_OF_MEMORY", (std::string(row->name) + ": out of memory").c_str());
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, (std::string(row->name) + ": " + error.what()).c_str());
  }
  return nullptr;
}

// The memory of one ArrayBuffer of allocate(): freed when the buffer is collected, or by release() before that.
struct Block {
  void* memory;
  size_t bytes;
  Block(void* memory, size_t bytes) : memory(memory), bytes(bytes) {}
  ~Block() { free(); }
  void free() {
    if (memory) uniem::give_memory(std::exchange(memory, nullptr), bytes);
  }
};

// allocate(bytes): ArrayBuffer, aligned, not zeroed; null where there is no such memory.
napi_value allocate(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  double bytes = 0;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  if (napi_get_value_double(env, argument, &bytes) != napi_ok || !(bytes >= 0)) {
    napi_throw_range_error(env, nullptr, "allocate: bytes is not a size");
    return nullptr;
  }
  napi_value none;
  napi_get_null(env, &none);
  if (bytes > kMostBytes) return none;
  const size_t size = static_cast<size_t>(bytes);
  void* memory = uniem::take_memory(size);
  if (!memory) return none;
  Block* block = new Block(memory, size);
  napi_value buffer;
  const auto collected = [](napi_env, void*, void* hint) { delete static_cast<Block*>(hint); };
  if (napi_create_external_arraybuffer(env, memory, size, collected, block, &buffer) != napi_ok) {
    delete block;
    return none;
  }
  napi_wrap(env, buffer, block, nullptr, nullptr, nullptr);
  return buffer;
}

// release(buffer): frees the memory of a buffer of allocate() at once; the buffer is empty from here on.
napi_value release(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value buffer;
  void* wrapped = nullptr;
  napi_get_cb_info(env, info, &count, &buffer, nullptr, nullptr);
  if (napi_unwrap(env, buffer, &wrapped) != napi_ok || napi_detach_arraybuffer(env, buffer) != napi_ok) {
    napi_throw_range_error(env, nullptr, "release: no buffer of allocate()");
    return nullptr;
  }
  static_cast<Block*>(wrapped)->free();
  return nullptr;
}

// setMemoryLimit(bytes): allocate() gives null past it.
napi_value set_memory_limit(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  double bytes = 0;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  if (napi_get_value_double(env, argument, &bytes) != napi_ok || !(bytes >= 1 && bytes <= kMostBytes)) {
    napi_throw_range_error(env, nullptr, "setMemoryLimit: bytes is not a size");
    return nullptr;
  }
  uniem::limit_memory(static_cast<size_t>(bytes));
  return nullptr;
}

// setThreads(count)
napi_value set_threads(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  int32_t threads = 0;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  if (napi_get_value_int32(env, argument, &threads) != napi_ok || threads < 1) {
    napi_throw_range_error(env, nullptr, "setThreads: count is not a whole number above 0");
    return nullptr;
  }
  omp_set_num_threads(threads);
  return nullptr;
}

void export_function(napi_env env, napi_value exports, const char* name, napi_callback callback, const void* data) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, const_cast<void*>(data), &function);
  napi_set_named_property(env, exports, name, function);
}

}  // namespace

extern "C" NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  __builtin_cpu_init();
  if (!has_avx2()) {
    napi_throw_error(env, nullptr, "this processor has no AVX2, which the native engine needs");
    return nullptr;
  }
  const bool avx512 = has_avx512();
  for (const KernelRow* row = avx512 ? uniem_kernels_avx512() : uniem_kernels_avx2(); row->name; ++row) {
    export_function(env, exports, row->name, call_kernel, row);
  }
  export_function(env, exports, "allocate", allocate, nullptr);
  export_function(env, exports, "release", release, nullptr);
  export_function(env, exports, "setMemoryLimit", set_memory_limit, nullptr);
  export_function(env, exports, "setThreads", set_threads, nullptr);
  napi_value isa;
  napi_create_string_utf8(env, avx512 ? "avx512" : "avx2", NAPI_AUTO_LENGTH, &isa);
  napi_set_named_property(env, exports, "instructionSet", isa);
  return exports;
}

extern "C" NAPI_MODULE_EXPORT int32_t node_api_module_get_api_version_v1() { return 8; }
