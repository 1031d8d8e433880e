// dx[tokens[b, h], h] = dy[b, h], 0 elsewhere: the gradient of MaxTokens.
//
// JavaScript: MaxTokensGrad(dy: float32 [B, H], tokens: int32 [B, H], H, dx: float32 [T, H])

#include "../kernel.h"

namespace uniem::UNIEM_ISA {

void MaxTokensGrad(Arguments& arguments) {
  const auto dy = arguments.f32(0);
  const auto tokens = arguments.i32(1);
  const size_t H = arguments.size(2);
  const auto dx = arguments.f32(3);
  arguments.require(H > 0 && dy.size() == tokens.size() && dy.size() % H == 0 && dx.size() % H == 0, "sizes disagree");
  const size_t T = dx.size() / H;
  std::fill(dx.begin(), dx.end(), 0.0f);
  for (size_t i = 0; i < dy.size(); ++i) {
    if (tokens[i] < 0) continue;  // a text without tokens
    arguments.require(static_cast<size_t>(tokens[i]) < T, "there is no such token");
    dx[tokens[i] * H + i % H] = dy[i];
  }
}

}  // namespace uniem::UNIEM_ISA
