// The first frame of a new stack: takes what prepareStack left there and calls entry(argument).
// The zero return address and frame pointer end every stack walk here.
#if defined(__aarch64__)
    .text
    .globl stackful_first_frame
    .hidden stackful_first_frame
    .type stackful_first_frame, %function
stackful_first_frame:
    .cfi_startproc
    .cfi_undefined x30
    // switchStack has put the argument into x29.
    mov x0, x29
    ldr x16, [sp]
    mov x29, #0
    mov x30, #0
    br x16
    .cfi_endproc
    .size stackful_first_frame, .-stackful_first_frame
#endif
// Also in the file that is empty here: without it the linker would make every stack executable.
    .section .note.GNU-stack, "", %progbits
