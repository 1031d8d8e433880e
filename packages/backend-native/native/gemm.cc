#include "gemm.h"

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <list>
#include <optional>
#include <oneapi/dnnl/dnnl.hpp>
#include <string_view>
#include <unordered_map>

#include "memory.h"

namespace uniem {
namespace {

using dnnl::memory;

// Making a primitive compiles code, about a millisecond and, with AVX-512, 120 KB (15 KB with AVX2): kept by shape, the
// least recently used dropped. The nine shapes of a training step cost 9 ms where its length is new.
constexpr size_t kPrimitiveBytes = 120 << 10;
constexpr size_t kCachedBytes = 32 << 20;
constexpr size_t kCached = kCachedBytes / kPrimitiveBytes;

struct Key {
  Gemm shape;
  bool bias;
  bool operator==(const Key&) const = default;
};

struct KeyHash {
  size_t operator()(const Key& key) const {
    const Gemm& s = key.shape;
    size_t hash = 0;
    for (const size_t part : {s.M, s.N, s.K, s.batch,
                              size_t{s.transpose_a} | size_t{s.transpose_b} << 1 | size_t{s.repeat_a} << 2 |
                                  size_t{s.repeat_b} << 3 | size_t(s.a_type) << 4 | size_t(s.b_type) << 5 |
                                  size_t(s.c_type) << 6 | size_t{key.bias} << 7}) {
      hash = hash * 0x9e3779b97f4a7c15u + part;
    }
    return hash;
  }
};

struct Entry {
  dnnl::matmul primitive;
  memory a, b, bias, c, scratchpad;
  std::list<Key>::iterator recent;
};

// One a thread: Node's workers each run their own; nothing is shared, so nothing is locked.
struct Context {
  Context() { dnnl::set_primitive_cache_capacity(0); }  // oneDNN's own would keep what ours drops
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  std::unordered_map<Key, Entry, KeyHash> entries;
  std::list<Key> recent;  // the most recent first
};

memory::data_type type_of(Element element) {
  return element == Element::f32 ? memory::data_type::f32 : memory::data_type::bf16;
}

memory::desc matrix(size_t batch, bool repeat, size_t rows, size_t columns, bool transposed, Element element) {
  const auto dims = [](size_t n) { return static_cast<memory::dim>(n); };
  const memory::dims strides = transposed ? memory::dims{dims(rows * columns), 1, dims(rows)}
                                          : memory::dims{dims(rows * columns), dims(columns), 1};
  return {{repeat ? 1 : dims(batch), dims(rows), dims(columns)}, type_of(element), strides};
}

Entry make(Context& context, const Key& key) {
  const Gemm& s = key.shape;
  const auto a = matrix(s.batch, s.repeat_a, s.M, s.K, s.transpose_a, s.a_type);
  const auto b = matrix(s.batch, s.repeat_b, s.K, s.N, s.transpose_b, s.b_type);
  const auto c = matrix(s.batch, false, s.M, s.N, false, s.c_type);
  const memory::desc bias({1, 1, static_cast<memory::dim>(s.N)}, memory::data_type::f32, memory::format_tag::abc);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const auto descriptor =
      key.bias ? dnnl::matmul::primitive_desc(context.engine, a, b, bias, c, attributes)
               : dnnl::matmul::primitive_desc(context.engine, a, b, c, attributes);
  const auto bind = [&](const memory::desc& desc) { return memory(desc, context.engine, DNNL_MEMORY_NONE); };
  return {dnnl::matmul(descriptor), bind(a), bind(b), bind(bias), bind(c), bind(descriptor.scratchpad_desc()), {}};
}

void multiply(const Gemm& shape, const void* a, const void* b, const float* bias, void* c) {
  thread_local Context context;
  const Key key{shape, bias != nullptr};
  auto found = context.entries.find(key);
  if (found == context.entries.end()) {
    if (context.entries.size() >= kCached) {
      context.entries.erase(context.recent.back());
      context.recent.pop_back();
    }
    Entry made = make(context, key);
    context.recent.push_front(key);
    made.recent = context.recent.begin();
    found = context.entries.emplace(key, std::move(made)).first;
  } else {
    context.recent.splice(context.recent.begin(), context.recent, found->second.recent);
  }
  Entry& entry = found->second;
  entry.a.set_data_handle(const_cast<void*>(a));
  entry.b.set_data_handle(const_cast<void*>(b));
  entry.c.set_data_handle(c);
  const Scratch scratch(entry.scratchpad.get_desc().get_size());
  entry.scratchpad.set_data_handle(scratch.data());
  std::unordered_map<int, memory> arguments = {{DNNL_ARG_SRC, entry.a},
                                               {DNNL_ARG_WEIGHTS, entry.b},
                                               {DNNL_ARG_DST, entry.c},
                                               {DNNL_ARG_SCRATCHPAD, entry.scratchpad}};
  if (bias) {
    entry.bias.set_data_handle(const_cast<float*>(bias));
    arguments.emplace(DNNL_ARG_BIAS, entry.bias);
  }
  entry.primitive.execute(context.stream, arguments);
  context.stream.wait();
}

// UNIEM_EMULATE_BF16=1 lets a processor without bf16 products compute them in fp32, from factors in bf16 to a result that is
// rounded to bf16: the same numbers up to the order of sums, slower than fp32. It is for tests of what surrounds the product.
bool must_emulate() {
  static const bool emulate = [] {
    const char* asked = std::getenv("UNIEM_EMULATE_BF16");
    if (!asked || std::string_view(asked) != "1") return false;
    const Gemm one{1, 1, 1, false, false, 1, false, false, Element::bf16, Element::bf16, Element::bf16};
    Context context;
    try {
      make(context, {one, false});
      return false;
    } catch (const dnnl::error&) {
      return true;
    }
  }();
  return emulate;
}

// A matrix in fp32, whatever it is stored as.
struct Widened {
  Widened(const void* from, size_t n, Element type) : floats(static_cast<const float*>(from)) {
    if (type == Element::f32) return;
    scratch.emplace(n * sizeof(float));
    float* to = scratch->floats();
    const auto* bits = static_cast<const uint16_t*>(from);
    for (size_t i = 0; i < n; ++i) to[i] = std::bit_cast<float>(uint32_t{bits[i]} << 16);
    floats = to;
  }
  std::optional<Scratch> scratch;
  const float* floats;
};

uint16_t rounded_to_bf16(float x) {
  const auto bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<uint16_t>(bits >> 16 | 64);  // stays NaN
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);  // to nearest, ties to even
}

void emulate(const Gemm& shape, const void* a, const void* b, const float* bias, void* c) {
  Gemm wide = shape;
  wide.a_type = wide.b_type = wide.c_type = Element::f32;
  const Widened from_a(a, shape.M * shape.K * (shape.repeat_a ? 1 : shape.batch), shape.a_type);
  const Widened from_b(b, shape.K * shape.N * (shape.repeat_b ? 1 : shape.batch), shape.b_type);
  if (shape.c_type == Element::f32) return multiply(wide, from_a.floats, from_b.floats, bias, c);
  const size_t n = shape.M * shape.N * shape.batch;
  const Scratch product(n * sizeof(float));
  multiply(wide, from_a.floats, from_b.floats, bias, product.data());
  auto* to = static_cast<uint16_t*>(c);
  for (size_t i = 0; i < n; ++i) to[i] = rounded_to_bf16(product.floats()[i]);
}

}  // namespace

void gemm(const Gemm& shape, const void* a, const void* b, const float* bias, void* c) {
  const bool is_bf16 = shape.a_type == Element::bf16 || shape.b_type == Element::bf16 || shape.c_type == Element::bf16;
  if (is_bf16 && must_emulate()) return emulate(shape, a, b, bias, c);
  multiply(shape, a, b, bias, c);
}

}  // namespace uniem
