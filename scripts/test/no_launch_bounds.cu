// Planted: a kernel that does not state its block size.
__global__ void anonymous(float* out) { out[threadIdx.x] = 0; }
