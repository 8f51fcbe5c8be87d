/*
 * A Vulkan layer that compiles and runs nothing, for a driver whose GPU is not there (Mesa's RADV with
 * RADV_FORCE_FAMILY). Command buffers record nothing and submissions succeed at once. For each compute pipeline the
 * driver's statistics are written to $PIPELINE_DIR/<n>.json and its machine code to $PIPELINE_DIR/<n>.asm, n counting
 * from 0 in the order of creation.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vulkan/vk_layer.h>
#include <vulkan/vulkan.h>

static PFN_vkGetInstanceProcAddr next_instance_proc;
static PFN_vkGetDeviceProcAddr next_device_proc;
static VkInstance instance;
static PFN_vkCreateComputePipelines create_pipelines;
static PFN_vkGetPipelineExecutablePropertiesKHR get_executables;
static PFN_vkGetPipelineExecutableStatisticsKHR get_statistics;
static PFN_vkGetPipelineExecutableInternalRepresentationsKHR get_representations;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int count;

static PFN_vkVoidFunction hook(const char *name);
static VKAPI_ATTR VkResult VKAPI_CALL succeed(void) { return VK_SUCCESS; }
static VKAPI_ATTR void VKAPI_CALL ignore(void) {}

static FILE *open_for(int id, const char *end) {
  char path[1024];
  snprintf(path, sizeof path, "%s/%d.%s", getenv("PIPELINE_DIR"), id, end);
  return fopen(path, "w");
}

static void write_statistics(FILE *file, VkDevice device, const VkPipelineExecutableInfoKHR *info, uint32_t lanes) {
  uint32_t n = 0;
  get_statistics(device, info, &n, NULL);
  VkPipelineExecutableStatisticKHR *all = calloc(n + 1, sizeof *all);
  for (uint32_t i = 0; i < n; i++) all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_STATISTIC_KHR;
  get_statistics(device, info, &n, all);
  fprintf(file, "{\"subgroupSize\":%u", lanes);
  for (uint32_t i = 0; i < n; i++) {
    fprintf(file, ",\"%s\":", all[i].name);
    switch (all[i].format) {
      case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_BOOL32_KHR: fprintf(file, "%u", all[i].value.b32); break;
      case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_INT64_KHR: fprintf(file, "%lld", (long long)all[i].value.i64); break;
      /* As text: hashes have 64 bits, JSON's numbers have not. */
      case VK_PIPELINE_EXECUTABLE_STATISTIC_FORMAT_UINT64_KHR:
        fprintf(file, "\"%llu\"", (unsigned long long)all[i].value.u64);
        break;
      default: fprintf(file, "%g", all[i].value.f64);
    }
  }
  fprintf(file, "}\n");
  free(all);
}

static void write_assembly(FILE *file, VkDevice device, const VkPipelineExecutableInfoKHR *info) {
  uint32_t n = 0;
  get_representations(device, info, &n, NULL);
  VkPipelineExecutableInternalRepresentationKHR *all = calloc(n + 1, sizeof *all);
  for (uint32_t i = 0; i < n; i++) all[i].sType = VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INTERNAL_REPRESENTATION_KHR;
  get_representations(device, info, &n, all); /* tells the sizes */
  for (uint32_t i = 0; i < n; i++) all[i].pData = malloc(all[i].dataSize + 1);
  get_representations(device, info, &n, all);
  for (uint32_t i = 0; i < n; i++) {
    if (strcmp(all[i].name, "Assembly") == 0) fwrite(all[i].pData, 1, strnlen(all[i].pData, all[i].dataSize), file);
    free(all[i].pData);
  }
  free(all);
}

static VKAPI_ATTR VkResult VKAPI_CALL create_compute(VkDevice device, VkPipelineCache cache, uint32_t n,
    const VkComputePipelineCreateInfo *infos, const VkAllocationCallbacks *allocator, VkPipeline *out) {
  (void)cache; /* what comes from a cache was not compiled, and has no statistics */
  VkComputePipelineCreateInfo *mine = malloc(n * sizeof *mine);
  memcpy(mine, infos, n * sizeof *mine);
  for (uint32_t i = 0; i < n; i++) {
    mine[i].flags |= VK_PIPELINE_CREATE_CAPTURE_STATISTICS_BIT_KHR |
        VK_PIPELINE_CREATE_CAPTURE_INTERNAL_REPRESENTATIONS_BIT_KHR;
  }
  VkResult result = create_pipelines(device, VK_NULL_HANDLE, n, mine, allocator, out);
  for (uint32_t i = 0; result == VK_SUCCESS && i < n; i++) {
    VkPipelineInfoKHR pipeline = {VK_STRUCTURE_TYPE_PIPELINE_INFO_KHR, NULL, out[i]};
    VkPipelineExecutablePropertiesKHR executable = {VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_PROPERTIES_KHR};
    uint32_t one = 1;
    get_executables(device, &pipeline, &one, &executable);
    VkPipelineExecutableInfoKHR info = {VK_STRUCTURE_TYPE_PIPELINE_EXECUTABLE_INFO_KHR, NULL, out[i], 0};
    pthread_mutex_lock(&lock);
    FILE *assembly = open_for(count, "asm"), *statistics = open_for(count, "json");
    if (assembly) write_assembly(assembly, device, &info), fclose(assembly);
    if (statistics) write_statistics(statistics, device, &info, executable.subgroupSize), fclose(statistics);
    count++;
    pthread_mutex_unlock(&lock);
  }
  free(mine);
  return result;
}

/* The loader's chain: where the next layer's functions are. */
#define LINK(type, kind, info) \
  type *link = (type *)(info)->pNext; \
  while (link && !(link->sType == kind && link->function == VK_LAYER_LINK_INFO)) link = (type *)link->pNext; \
  if (!link) return VK_ERROR_INITIALIZATION_FAILED

static VKAPI_ATTR VkResult VKAPI_CALL create_instance(const VkInstanceCreateInfo *info,
    const VkAllocationCallbacks *allocator, VkInstance *out) {
  LINK(VkLayerInstanceCreateInfo, VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO, info);
  next_instance_proc = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  VkResult result = ((PFN_vkCreateInstance)next_instance_proc(NULL, "vkCreateInstance"))(info, allocator, out);
  instance = *out;
  return result;
}

static VKAPI_ATTR VkResult VKAPI_CALL create_device(VkPhysicalDevice physical, const VkDeviceCreateInfo *info,
    const VkAllocationCallbacks *allocator, VkDevice *out) {
  LINK(VkLayerDeviceCreateInfo, VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO, info);
  PFN_vkGetInstanceProcAddr next = link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  next_device_proc = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  uint32_t n = info->enabledExtensionCount;
  const char **names = malloc((n + 1) * sizeof *names);
  memcpy(names, info->ppEnabledExtensionNames, n * sizeof *names);
  names[n] = VK_KHR_PIPELINE_EXECUTABLE_PROPERTIES_EXTENSION_NAME;
  VkPhysicalDevicePipelineExecutablePropertiesFeaturesKHR feature = {
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PIPELINE_EXECUTABLE_PROPERTIES_FEATURES_KHR, (void *)info->pNext, VK_TRUE};
  VkDeviceCreateInfo mine = *info;
  mine.pNext = &feature, mine.enabledExtensionCount = n + 1, mine.ppEnabledExtensionNames = names;
  VkResult result = ((PFN_vkCreateDevice)next(instance, "vkCreateDevice"))(physical, &mine, allocator, out);
  free(names);
  if (result != VK_SUCCESS) return result;
#define NEXT(name) (void *)next_device_proc(*out, name)
  create_pipelines = NEXT("vkCreateComputePipelines");
  get_executables = NEXT("vkGetPipelineExecutablePropertiesKHR");
  get_statistics = NEXT("vkGetPipelineExecutableStatisticsKHR");
  get_representations = NEXT("vkGetPipelineExecutableInternalRepresentationsKHR");
  return result;
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL device_proc(VkDevice device, const char *name) {
  PFN_vkVoidFunction mine = hook(name);
  return mine ? mine : next_device_proc(device, name);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL instance_proc(VkInstance of, const char *name) {
  PFN_vkVoidFunction mine = hook(name);
  return mine || !next_instance_proc ? mine : next_instance_proc(of, name);
}

static PFN_vkVoidFunction hook(const char *name) {
  static const char *const submissions[] = {"vkBeginCommandBuffer", "vkEndCommandBuffer", "vkResetCommandBuffer",
      "vkResetCommandPool", "vkQueueSubmit", "vkQueueSubmit2", "vkQueueSubmit2KHR", "vkGetFenceStatus",
      "vkWaitForFences", "vkResetFences", "vkQueueWaitIdle", "vkDeviceWaitIdle"};
  for (size_t i = 0; i < sizeof submissions / sizeof *submissions; i++) {
    if (!strcmp(name, submissions[i])) return (PFN_vkVoidFunction)succeed;
  }
  if (!strncmp(name, "vkCmd", 5)) return (PFN_vkVoidFunction)ignore;
  if (!strcmp(name, "vkGetInstanceProcAddr")) return (PFN_vkVoidFunction)instance_proc;
  if (!strcmp(name, "vkGetDeviceProcAddr")) return (PFN_vkVoidFunction)device_proc;
  if (!strcmp(name, "vkCreateInstance")) return (PFN_vkVoidFunction)create_instance;
  if (!strcmp(name, "vkCreateDevice")) return (PFN_vkVoidFunction)create_device;
  if (!strcmp(name, "vkCreateComputePipelines")) return (PFN_vkVoidFunction)create_compute;
  return NULL;
}

VK_LAYER_EXPORT VKAPI_ATTR VkResult VKAPI_CALL vkNegotiateLoaderLayerInterfaceVersion(
    VkNegotiateLayerInterface *version) {
  version->loaderLayerInterfaceVersion = 2;
  version->pfnGetInstanceProcAddr = instance_proc;
  version->pfnGetDeviceProcAddr = device_proc;
  version->pfnGetPhysicalDeviceProcAddr = NULL;
  return VK_SUCCESS;
}
