// Planted: a streaming kernel that loads 32 bits at a time.
__global__ void __launch_bounds__(256) stream(const float* in, float* out, long long size) {
  const long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) out[i] = 2 * in[i];
}
