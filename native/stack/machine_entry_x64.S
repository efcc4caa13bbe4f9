// The first frame of a new stack: takes what prepareStack left there and calls entry(argument).
// The zero return address and frame pointer end every stack walk here.
#if defined(__x86_64__)
    .text
    .globl stackful_first_frame
    .hidden stackful_first_frame
    .type stackful_first_frame, @function
stackful_first_frame:
    .cfi_startproc
    .cfi_undefined rip
    popq %rdi
    popq %rax
    xorl %ebp, %ebp
    // rsp is 8 below a multiple of 16 here, as after a call: what the ABI promises a function's first instruction.
    jmpq *%rax
    .cfi_endproc
    .size stackful_first_frame, .-stackful_first_frame
#endif
// Also in the file that is empty here: without it the linker would make every stack executable.
    .section .note.GNU-stack, "", %progbits
