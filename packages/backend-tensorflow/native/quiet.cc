// Loads TensorFlow's framework library with stderr closed: it prints a banner from a static initializer, before any
// option could silence it. An error of the loader is not lost: the binding, loaded next, meets it again.

#include <dlfcn.h>
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

#include <string>

namespace {

void load_quietly(const std::string& library) {
  const int terminal = dup(STDERR_FILENO);
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (terminal >= 0 && nowhere >= 0) dup2(nowhere, STDERR_FILENO);
  dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (terminal >= 0 && nowhere >= 0) dup2(terminal, STDERR_FILENO);
  if (terminal >= 0) close(terminal);
  if (nowhere >= 0) close(nowhere);
}

}  // namespace

extern "C" NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env, napi_value exports) {
  Dl_info own;
  if (dladdr(reinterpret_cast<void*>(&napi_register_module_v1), &own) != 0) {
    const std::string path = own.dli_fname;
    load_quietly(path.substr(0, path.rfind('/') + 1) + "libtensorflow_framework.so.2");
  }
  return exports;
}
