# The BO core must not ask for BLAS or LAPACK: in an executable that also holds LibTorch, their names
# are bound to LibTorch's MKL or to the system's library depending on the order of linking.
execute_process(COMMAND ${NM} --undefined-only ${LIBRARY} OUTPUT_VARIABLE symbols RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "${NM} cannot read ${LIBRARY}")
endif()
if(NOT symbols MATCHES " U ")
  message(FATAL_ERROR "${NM} lists no symbols of ${LIBRARY}")
endif()
if(symbols MATCHES "U ((cblas_|wrapper2?_)?[sdcz](ge|sy|po|tr|ax|do|sc|nr)[a-z0-9]*_)[\r\n]")
  message(FATAL_ERROR "${LIBRARY} needs ${CMAKE_MATCH_1}, which LibTorch exports as well")
endif()
