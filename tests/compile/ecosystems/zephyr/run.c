/* What Zephyr's kernel does with an application; its main is renamed, as this one belongs to the host. */
int application_main(void);

__attribute__((used)) void run(void)
{
    (void)application_main();
}
