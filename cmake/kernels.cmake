# Compiles shaders/*.comp to SPIR-V, checks and optimises them, and embeds them into a library.
#
# A kernel is one file shaders/NAME.comp, embedded as NAME. Files that are not kernels by themselves go to shaders/shared/.
# shaders/variants.list (optional) embeds more modules made from the same source, one a row:
#   OUTPUT-NAME SOURCE.comp -DNAME=VALUE ...
# shaders/noopt.list (optional) names modules, one a row, that spirv-opt leaves alone. shaders/coop2.list names those that
# use GL_NV_cooperative_matrix2: they are compiled for Vulkan 1.3, and left out where the tools or the Vulkan headers do
# not know that extension. '#' starts a comment in all three.

find_program(VULCYTE_GLSLANG NAMES glslang glslangValidator HINTS $ENV{VULKAN_SDK}/bin REQUIRED)
find_program(VULCYTE_SPIRV_VAL NAMES spirv-val HINTS $ENV{VULKAN_SDK}/bin REQUIRED)
find_program(VULCYTE_SPIRV_OPT NAMES spirv-opt HINTS $ENV{VULKAN_SDK}/bin)

# Reflection at run time needs every binding, specialisation constant and push block that the source declares.
if(VULCYTE_SPIRV_OPT AND NOT DEFINED VULCYTE_SPIRV_OPT_FLAGS)
  execute_process(COMMAND ${VULCYTE_SPIRV_OPT} --help OUTPUT_VARIABLE opt_help ERROR_QUIET)
  set(opt_flags -O)
  foreach(flag --preserve-bindings --preserve-spec-constants --preserve-interface)
    if(opt_help MATCHES "${flag}")
      list(APPEND opt_flags ${flag})
    endif()
  endforeach()
  set(VULCYTE_SPIRV_OPT_FLAGS "${opt_flags}" CACHE INTERNAL "")
endif()
if(NOT DEFINED VULCYTE_GLSLANG_DEPFILE)
  execute_process(COMMAND ${VULCYTE_GLSLANG} --help OUTPUT_VARIABLE glslang_help ERROR_QUIET)
  string(FIND "${glslang_help}" "--depfile" found)
  if(found EQUAL -1)
    set(VULCYTE_GLSLANG_DEPFILE OFF CACHE INTERNAL "")
  else()
    set(VULCYTE_GLSLANG_DEPFILE ON CACHE INTERNAL "")
  endif()
endif()

# Sets out_known where glslang and spirv-val (the tools of 2025) know GL_NV_cooperative_matrix2.
function(vulcyte_knows_coop2 out_known)
  set(probe ${PROJECT_BINARY_DIR}/spv/probe_coop2)
  file(WRITE ${probe}.comp "#version 460
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_cooperative_matrix : require
#extension GL_NV_cooperative_matrix2 : require
layout(local_size_x = 128) in;
layout(binding = 0) buffer B { float b[]; };
void main() {
  tensorLayoutNV<1, 1> box = setTensorLayoutDimensionNV(createTensorLayoutNV(1, 1), 4096);
  coopmat<float, gl_ScopeWorkgroup, 64, 64, gl_MatrixUseAccumulator> m;
  coopMatLoadTensorNV(m, b, 0, box);
  coopMatStoreTensorNV(m, b, 0, box);
}
")
  execute_process(COMMAND ${VULCYTE_GLSLANG} --quiet -V --target-env vulkan1.3 -o ${probe}.spv ${probe}.comp
    RESULT_VARIABLE compiles OUTPUT_QUIET ERROR_QUIET)
  execute_process(COMMAND ${VULCYTE_SPIRV_VAL} --target-env vulkan1.3 ${probe}.spv
    RESULT_VARIABLE is_valid OUTPUT_QUIET ERROR_QUIET)
  if(compiles EQUAL 0 AND is_valid EQUAL 0)
    set(${out_known} ON PARENT_SCOPE)
  else()
    set(${out_known} OFF PARENT_SCOPE)
  endif()
endfunction()

# Reads a list file into out_rows, comments and blank lines left out; editing the file configures again.
function(vulcyte_read_rows path out_rows)
  set(rows "")
  if(EXISTS ${path})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    file(STRINGS ${path} lines)
    foreach(line IN LISTS lines)
      string(REGEX REPLACE "#.*" "" line "${line}")
      string(STRIP "${line}" line)
      if(line)
        list(APPEND rows "${line}")
      endif()
    endforeach()
  endif()
  set(${out_rows} "${rows}" PARENT_SCOPE)
endfunction()

function(vulcyte_add_kernels target)
  set(shader_dir ${PROJECT_SOURCE_DIR}/shaders)
  set(spv_dir ${PROJECT_BINARY_DIR}/spv)
  file(MAKE_DIRECTORY ${spv_dir})
  file(GLOB sources CONFIGURE_DEPENDS ${shader_dir}/*.comp)
  file(GLOB shared CONFIGURE_DEPENDS ${shader_dir}/shared/*)
  # A file that appears or goes must configure again even if the folder or the list was not there before.
  file(GLOB lists CONFIGURE_DEPENDS ${shader_dir}/*.list)
  vulcyte_read_rows(${shader_dir}/variants.list variants)
  vulcyte_read_rows(${shader_dir}/noopt.list noopt)
  vulcyte_read_rows(${shader_dir}/coop2.list coop2)
  vulcyte_knows_coop2(knows_coop2)
  if(knows_coop2)
    target_compile_definitions(${target} PRIVATE VC_COOP2_KERNELS)
  else()
    message(STATUS "the shader tools do not know GL_NV_cooperative_matrix2: its kernels are left out")
  endif()

  set(rows "")
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM name)
    list(APPEND rows "${name} ${name}.comp")
  endforeach()
  list(APPEND rows ${variants})
  # Underscores must sort as strcmp sorts them; no name holds a character below the space that ends it here.
  list(SORT rows COMPARE STRING)

  set(list_lines "")
  set(modules "")
  foreach(row IN LISTS rows)
    separate_arguments(fields UNIX_COMMAND "${row}")
    list(POP_FRONT fields name source)
    set(env vulkan1.2)
    if(name IN_LIST coop2)
      if(NOT knows_coop2)
        continue()
      endif()
      set(env vulkan1.3)
    endif()
    set(raw ${spv_dir}/${name}.raw.spv)
    set(spv ${spv_dir}/${name}.spv)
    set(optimise ${CMAKE_COMMAND} -E copy ${raw} ${spv})
    if(VULCYTE_SPIRV_OPT AND NOT name IN_LIST noopt)
      set(optimise ${VULCYTE_SPIRV_OPT} ${VULCYTE_SPIRV_OPT_FLAGS} ${raw} -o ${spv})
    endif()
    set(depends DEPENDS ${shader_dir}/${source} ${shared})
    set(depfile_flag "")
    if(VULCYTE_GLSLANG_DEPFILE AND CMAKE_GENERATOR MATCHES "Ninja|Makefiles")
      set(depends DEPENDS ${shader_dir}/${source} DEPFILE ${spv_dir}/${name}.d)
      set(depfile_flag --depfile ${spv_dir}/${name}.d)
    endif()
    add_custom_command(
      OUTPUT ${spv}
      COMMAND ${VULCYTE_GLSLANG} --quiet -V --target-env ${env} ${fields} -I${shader_dir}/shared ${depfile_flag}
              -o ${spv} ${shader_dir}/${source}
      COMMAND ${CMAKE_COMMAND} -E rename ${spv} ${raw}
      COMMAND ${optimise}
      COMMAND ${VULCYTE_SPIRV_VAL} --target-env ${env} --scalar-block-layout ${spv}
      ${depends}
      COMMENT "Shader ${name}"
      VERBATIM)
    list(APPEND modules ${spv})
    string(APPEND list_lines "${name} ${spv}\n")
  endforeach()

  add_executable(vulcyte_embed ${PROJECT_SOURCE_DIR}/cmake/embed.c)
  set_target_properties(vulcyte_embed PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/cmake)
  set(list_file ${spv_dir}/modules.txt)
  file(CONFIGURE OUTPUT ${list_file} CONTENT "${list_lines}" @ONLY)
  set(blobs ${spv_dir}/shader_blobs.c)
  add_custom_command(
    OUTPUT ${blobs}
    COMMAND vulcyte_embed ${list_file} ${blobs}
    DEPENDS vulcyte_embed ${list_file} ${modules}
    COMMENT "Embedding the shaders"
    VERBATIM)
  target_sources(${target} PRIVATE ${blobs})
endfunction()
