// A streaming kernel as it should be: the check must let it pass.
__global__ void __launch_bounds__(256) stream(const float4* in, float4* out, long long size) {
  const long long i = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) out[i] = in[i];
}
